"""The store: the database, its schema and statements, and the transaction of the writer."""
