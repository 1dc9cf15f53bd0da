"""The stand-in for Mautic. What it knows of Mautic comes from the source of 5.x."""
