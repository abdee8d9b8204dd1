"""Read what people type: moments, periods, passphrases, documents of acts.

Options of what people hand in are made of their forms (`handed`), those of questions of their table (`questions`).
"""
