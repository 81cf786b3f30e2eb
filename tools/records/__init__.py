"""Commands on the records: the tables, the keys and the people, whether a server runs or not."""
