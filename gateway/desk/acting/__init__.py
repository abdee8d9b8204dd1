"""Check what every act of a person at the desk takes: who acts, what that person may read, that it has its effect once.

`home` has what kinds share that hold something in a thread at home, and the order of their refusals (decision 0138).
"""
