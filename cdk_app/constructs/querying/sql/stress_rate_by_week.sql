-- The ${noun} rate by week and community: called by the model, and corrected by labels of drawn posts.
-- Rows with source null are of all communities together. Where corrected_rate is null, too few of
-- the drawn posts have a label, or the cell is suppressed: method says which.
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
FROM ${database}.stress_rate
WHERE "date" >= date_format(current_date - interval '35' day, '%Y-%m-%d')
    AND period = 'week'
ORDER BY start, source NULLS FIRST
