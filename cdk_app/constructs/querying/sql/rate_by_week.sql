-- The ${noun} rate by week and community: called by the model, and corrected by labels for drawn posts.
-- Rows with a null source cover all communities together. If corrected_rate is null, method says
-- whether too few drawn posts have a label or the cell is suppressed.
SELECT
    start,
    source,
    posts,
    called_rate,
    corrected_rate,
    low,
    high,
    labelled,
    represented,
    method
FROM ${database}.rates
WHERE "date" >= date_format(current_date - interval '35' day, '%Y-%m-%d')
    AND period = 'week'
ORDER BY start, source NULLS FIRST
