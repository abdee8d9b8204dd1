"""National policy: who may ask, what may be answered, which records and fields leave, and why."""
