"""Say how fields of values are called, limited and told in all faces: REST, commands and pages."""
