"""Making calibrations: from photos of known people to the thresholds that `pipeline.scoring` reads."""
