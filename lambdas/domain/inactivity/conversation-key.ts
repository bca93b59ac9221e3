/** `<orgId>#<conversationId>`: an id alone could be another organisation's. */
export function conversationKeyOf(orgId: string, conversationId: string): string {
  return `${orgId}#${conversationId}`;
}

export function readConversationKey(key: string): { orgId: string; conversationId: string } {
  const [orgId, conversationId, ...rest] = key.split('#');
  if (orgId === undefined || conversationId === undefined || rest.length > 0) {
    throw new Error(`not a conversation key: ${key}`);
  }
  return { orgId, conversationId };
}
