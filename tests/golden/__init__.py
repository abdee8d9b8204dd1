"""Golden masters of the desk's subjects: what a change of the code behind them must leave as it is.

Scripted lives of alerts, watches, reports, operations, incidents, freezes and tokens run through the console's forms.
Their pages, entries, rows and notices, and the sentences of the program, stand as text in `tests/fixtures/golden`.
`python -m tests.golden` makes them again.
"""
