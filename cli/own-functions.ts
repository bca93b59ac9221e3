/** What `logs` calls the functions of the stack, and how the ids of their log groups begin in the template. */
export const ownFunctions = {
  ingest: { logGroup: 'IngestLogs', function: 'IngestFunction' },
  'track-activity': { logGroup: 'ActivityTrackActivityLogs', function: 'ActivityTrackActivityFunction' },
  'sweep-inactivity': { logGroup: 'InactivitySweepLogs', function: 'InactivitySweepFunction' },
  'emit-inactivity': { logGroup: 'InactivityEmitLogs', function: 'InactivityEmitFunction' },
  'record-events': { logGroup: 'EventHistoryRecordEventsLogs', function: 'EventHistoryRecordEventsFunction' },
  provision: { logGroup: 'RoutesProvisionLogs', function: 'RoutesProvisionFunction' },
  manage: { logGroup: 'ManagementManageLogs', function: 'ManagementManageFunction' },
} as const;

/** Of all delivery functions together. */
export const deliveryLogGroup = 'RoutesDeliveryLogs';
/** Of the API: who asked for what, and what was answered. */
export const accessLogGroup = 'ApiAccessLogs';
