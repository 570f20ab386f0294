-- The queries of the seed, section 4, as printed there.

-- Find all executions for a specific workflow
SELECT
    execution_id,
    action_type,
    target_resource_name,
    success,
    duration,
    retry_count
FROM kubernetes_execution_audit
WHERE workflow_ref = 'alert-12345-workflow'
ORDER BY step_index;

-- Find failed executions with errors
SELECT
    execution_id,
    action_type,
    target_namespace,
    target_resource_name,
    error,
    retry_count,
    completed_at
FROM kubernetes_execution_audit
WHERE success = FALSE
  AND completed_at > NOW() - INTERVAL '24 hours'
ORDER BY completed_at DESC;

-- Average execution duration by action type
SELECT
    action_type,
    COUNT(*) as total_executions,
    AVG(duration) as avg_duration,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY duration) as p50_duration,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration) as p95_duration,
    PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY duration) as p99_duration
FROM kubernetes_execution_audit
WHERE created_at > NOW() - INTERVAL '7 days'
  AND success = TRUE
GROUP BY action_type
ORDER BY avg_duration DESC;

-- Find slow executions
SELECT
    execution_id,
    action_type,
    target_resource_name,
    duration,
    job_resource_usage
FROM kubernetes_execution_audit
WHERE duration > INTERVAL '30 seconds'
  AND created_at > NOW() - INTERVAL '24 hours'
ORDER BY duration DESC
LIMIT 100;

-- Track all actions on production namespace
SELECT
    execution_id,
    action_type,
    target_resource_kind,
    target_resource_name,
    success,
    created_at,
    job_pod_name
FROM kubernetes_execution_audit
WHERE target_namespace LIKE 'prod-%'
  AND created_at > NOW() - INTERVAL '30 days'
ORDER BY created_at DESC;

-- Find retry patterns (actions requiring multiple attempts)
SELECT
    action_type,
    target_namespace,
    COUNT(*) as total_with_retries,
    AVG(retry_count) as avg_retries
FROM kubernetes_execution_audit
WHERE retry_count > 0
  AND created_at > NOW() - INTERVAL '7 days'
GROUP BY action_type, target_namespace
ORDER BY total_with_retries DESC;

-- Resource usage analysis
SELECT
    action_type,
    AVG((job_resource_usage->>'cpu_millicores')::bigint) as avg_cpu_millicores,
    AVG((job_resource_usage->>'memory_bytes')::bigint) as avg_memory_bytes,
    COUNT(*) as total_executions
FROM kubernetes_execution_audit
WHERE created_at > NOW() - INTERVAL '7 days'
  AND job_resource_usage IS NOT NULL
GROUP BY action_type
ORDER BY avg_cpu_millicores DESC;
