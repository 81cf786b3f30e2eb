"""The records on real servers: MariaDB and MySQL 9."""
