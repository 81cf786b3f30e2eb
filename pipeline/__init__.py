"""The product: photos in, a verdict out. No Flask, no SQL and no environment in here."""
