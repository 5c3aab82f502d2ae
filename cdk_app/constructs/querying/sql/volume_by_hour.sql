-- Posts predicted in each hour of the last seven days, and the communities that they came from.
WITH predictions AS (
${predictions}
)
SELECT
    "date",
    "hour",
    count(*) AS posts,
    count(DISTINCT source) AS communities
FROM predictions
GROUP BY "date", "hour"
ORDER BY "date", "hour"
