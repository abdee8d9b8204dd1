"""Make the bodies of calls and answers, refuse wrong ones, and write the OpenAPI document of them.

A body of what people hand in is made of its form (`handed`), an answer that shows a value of that value (`answers`).
"""
