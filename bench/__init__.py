"""Measurements and long trials: one command each, `python -m bench.NAME`. What they found: docs/performance.md and
docs/reliability.md.

Figures that matter are ratios taken in one run, since machines differ and are noisy. On the database server that
`DATABASE_URL` names, in a database of their own that is gone afterwards; on SQLite without it.
"""
