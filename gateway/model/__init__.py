"""Define frozen types without input or output: the words of the design as Python types.

A concept is described once here, and other rooms make their faces of it: a kind of question is one class (`query`),
and what people hand in is one form (`handed`), of whose fields `faces` says how they are called and limited. `forms`
has the one form of numbers and names that people write in several ways.
"""
