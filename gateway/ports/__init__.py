"""The Protocols of the outside, for the code of exchanges: sources, the log, peers, stores.

`exchange` and `audit` see nothing else of the outside; `app` hands in the real parts, tests hand in others.
"""
