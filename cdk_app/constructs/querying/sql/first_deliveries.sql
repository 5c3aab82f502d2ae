    -- A record that was delivered again left other rows: the earliest stands, as the archive's
    -- own reader has it, and of two at the same moment the one of the older version.
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY prediction_id ORDER BY predicted_at, model_version
            ) AS delivery
        FROM ${database}.archive
        WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
    )
    WHERE delivery = 1
