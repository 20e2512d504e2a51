"""Results for other programs: Parquet, SARIF and JUnit. JSON is made where the results are shown (``report``)."""
