/** EventBridge's limit for a `detail-type`. */
export const maxEventTypeLength = 128;

/**
 * What Drift may call an event, and a subscription may ask for: anything but control characters, halves of surrogate
 * pairs, and what SQS takes in no message. Without `\p{Cc}` and its like, which not every reader of OpenAPI knows.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
export const eventTypePattern = /^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff]+$/u;
