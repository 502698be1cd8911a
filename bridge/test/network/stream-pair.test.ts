import { frameStreamContract } from "../contract/frame-stream-contract.ts";
import { streamPair } from "./stream-pair.ts";
import { systemWorld } from "../../kernel/world.ts";

frameStreamContract("streamPair", async () => {
  const [a, b] = streamPair(systemWorld);
  return { a, b, dispose: async () => undefined };
});
