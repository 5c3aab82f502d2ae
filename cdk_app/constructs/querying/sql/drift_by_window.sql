-- Drift per window in the last thirty days, with the drifted features.
SELECT
    window_start,
    window_end,
    model_version,
    max(status) AS status,
    max(posts) AS posts,
    max(share) AS drifted_share,
    count(failed) AS failed_comparisons,
    array_join(array_agg(feature ORDER BY feature) FILTER (WHERE drifted), ', ') AS drifted
FROM ${database}.drift
WHERE "date" >= date_format(current_date - interval '30' day, '%Y-%m-%d')
GROUP BY window_start, window_end, model_version
ORDER BY window_start, window_end, model_version
