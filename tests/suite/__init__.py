"""All tests in one run: first what may run beside others, in parallel; then what judges time, alone.

`python -m tests.suite [pytest arguments]` is what `make test` calls.
"""
