"""Hold what waits for a human: notices in threads, work with clocks and roles, and copies of records.

It is read from below. The modules of this folder have what all threads share: their states and rows (`fold`), the
work that they raise (`raising`, `clocks`), who may do it (`acts`, `roles`), what two persons approve (`widening`), and
entries with their one writer (`entries`, `pen`). `delivery` brings notices to counterparts and takes theirs. `acting`
has what every act of a person takes, and what is ours in a thread at home (decision 0138). `own` has the acts and the
telling of what is handed in, approved by a second person and, but for freezings, told to counterparts (decision 0140).

Each subject has a folder on this ground: `second_step`, `alerts`, `watches`, `reports`, `rooms` (operations),
`consent`, `outcomes`, `oversight`, `misuse`, and `originator` for what was given. `worklist` is last: it shows the work
of them all. What a subject brings to a node is a row in `gateway.app.desks`.
"""
