"""Forms between capitals and topics of questions: data in `policy/forms` and `policy/topics.toml`, read strictly."""
