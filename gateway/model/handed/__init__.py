"""Describe once what persons hand in: fields, limits, words and codes (decision 0141).

A form is a frozen struct with annotated fields. Bodies of REST calls (`gateway.agency.bodies.handed`), options of
commands (`gateway.cli.inputs.handed`) and labels of pages (`gateway.console.frame.forms`) are made of it.
"""
