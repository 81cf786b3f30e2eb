"""The stages: plain functions over the pipeline's types. They never see HTTP, SQL, settings or a library's model."""
