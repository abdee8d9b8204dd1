"""All tests in two phases: first what may run beside others, in parallel; then what judges time, alone.

`python -m tests.suite [pytest arguments]` is what `make test` calls.
"""
