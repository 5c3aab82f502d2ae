"""The settled archive: each window's rows once, as Parquet, with summaries that can be merged."""
