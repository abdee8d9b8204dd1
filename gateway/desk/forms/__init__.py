"""Read forms between capitals and topics of questions, strictly: data in `policy/forms` and `policy/topics.toml`.

Forms in which people hand something in to our own node are in `gateway.model.handed`.
"""
