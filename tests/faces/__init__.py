"""The acts of the desk's subjects through each of their faces: the REST API, the commands and the console's forms.

No face goes round a rule: by whichever an act is done, it is refused for the same reasons, writes the same entries, and
tells the same notices.
"""
