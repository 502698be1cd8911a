import { frameStreamContract } from "../test/contract/frame-stream-contract.ts";
import { streamPair } from "./stream-pair.ts";

frameStreamContract("streamPair", async () => {
  const [a, b] = streamPair();
  return { a, b, dispose: async () => undefined };
});
