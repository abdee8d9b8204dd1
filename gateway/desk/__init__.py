"""Hold what waits for a human: notices in threads, work with clocks and roles, and copies of records.

This folder has what all matters share: how a thread stands (`fold`, `projection`), what work it raises (`raising`,
`clocks`), and who may do it (`acts`, `roles`). Each subject has a folder of its own, and `delivery` brings notices to
counterparts and takes theirs.
"""
