"""National policy decides on questions, answers, records and fields, and gives its reasons."""
