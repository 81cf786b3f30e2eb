"""From settings to services: loads the models and opens the database and folders that `.env` names."""
