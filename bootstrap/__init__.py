"""Settings to services: which models, which database and which folders fit `.env` as it is now."""
