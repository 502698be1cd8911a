import type { CodedMessage } from "./scene-facts.ts";

/** Messages of one kind that are shown in full; of more only the first, with their number. */
const SHOWN = 3;

/**
 * One line for each kind with many messages (a missing image sequence has thousands of files), in the order in which kinds first
 * appear. `rest`: how to see all of them.
 */
export function groupedMessages(messages: readonly CodedMessage[], rest: string): readonly CodedMessage[] {
  const kinds = new Map<string, CodedMessage[]>();
  for (const message of messages) {
    const same = kinds.get(message.code);
    if (same) same.push(message);
    else kinds.set(message.code, [message]);
  }
  return [...kinds.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined || same.length <= SHOWN) return same;
    return [{ code: first.code, message: `${first.message} (and ${(same.length - 1).toLocaleString("en-US")} more like this: ${rest})` }];
  });
}
