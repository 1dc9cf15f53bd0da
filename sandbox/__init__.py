"""Stand-ins for the platforms we push to, over real HTTP. Never loaded in production.

The demo and the tests use them.

Run one with `python -m sandbox`, or inside a test with `sandbox.server.running_sandbox`.
"""
