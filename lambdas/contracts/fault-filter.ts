/**
 * Which lines of a delivery function tell of a fault, as a filter pattern of CloudWatch Logs: the alarm counts them, and
 * the command line shows them. A crash emits no metric of ours, and a subscriber that says no is no `ERROR`. Asked by
 * fields: words of a line may be a subscriber's (`platform.report` is a host name) or Drift's.
 */
export const deliveryFaults =
  '{ ($.level = "ERROR") || (($.type = "platform.report") && ($.record.status != "success")) }';
