"""A stand-in for n8n: one workflow with a webhook, which may call back. See `sandbox.n8n.stand_in`."""
