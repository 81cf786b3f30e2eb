"""`bin/import-compreface`: subjects and photos of a CompreFace server, or of a folder, enrolled here."""
