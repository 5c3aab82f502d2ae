-- Mean probability and share of positive labels, in ten bins per version: close if calibrated.
WITH
-- A version's first prediction for each post. An id whose rows differ in the text's digest, or in its
-- length if a row has no digest, has several texts: labels without text cannot distinguish them.
first_predictions AS (
    SELECT
        model_version,
        post_id,
        min_by(probability, row(predicted_at, prediction_id)) AS probability
    FROM ${database}.predictions
    WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
    GROUP BY model_version, post_id
    HAVING count(DISTINCT coalesce(text_digest, cast(text_length AS varchar))) = 1
),
dated_labels AS (
    SELECT ${id_field} AS post_id, label, try(from_iso8601_timestamp(labelled_at)) AS labelled
    FROM ${database}.labels
    WHERE label IN ('0', '1')
),
newest_labels AS (
    SELECT post_id, cast(max_by(label, labelled) AS integer) AS label
    FROM dated_labels
    WHERE labelled IS NOT NULL
    GROUP BY post_id
)
SELECT
    model_version,
    least(cast(floor(probability * 10) AS integer), 9) AS bin,
    count(*) AS posts,
    avg(probability) AS mean_probability,
    avg(cast(label AS double)) AS positive_share
FROM first_predictions
JOIN newest_labels USING (post_id)
GROUP BY model_version, least(cast(floor(probability * 10) AS integer), 9)
ORDER BY model_version, bin
