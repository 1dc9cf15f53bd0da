"""HubSpot's stand-in: the part of its contacts API that a sync meets. See `stand_in`."""
