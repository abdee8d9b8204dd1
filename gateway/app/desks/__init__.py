"""Put the desk of a node together, one module for each subject.

What a subject brings is a row (`brought`): its rounds, who decides what waits for a second person, and what wakes when
rows were written. `desk_parts` loops over the rows.
"""
