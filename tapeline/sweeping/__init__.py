"""`make sweep`: params of trading tried by the thousand, each by the pipeline's own engine."""
