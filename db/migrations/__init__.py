"""Brings a database of any earlier version to the tables of this one, with Alembic; runs at every start.

`db.schema` declares the tables as they are now. A revision in `versions/` says what an older database lacks. To add a
table:

1. declare it in `db/schema.py`, as its neighbours are;
2. add `versions/vNNNN_what.py` with `revision = "NNNN"`, `down_revision` = the one before, and an `upgrade` that calls
   `make(schema.the_table)`; for a column of an existing table `add_column(schema.the_table, "its_name")`;
3. if its rows tell of a person, delete them in `db/traces.py`.

tests/unit/test_migrations.py compares what the revisions make with what `db.schema` declares: it fails without step 2.

A revision may be interrupted anywhere and runs again: MySQL commits after each statement that changes a table, and only
SQLite takes all of it back. So each step first looks whether it is done, as those in `steps` do. Revisions that have
been released are never edited, and there is no way back: a database of a newer version is refused with DB_NEWER.

The people table belongs to the operator. `initialise` creates it where it is missing; no revision changes it so far.
"""
