import { z } from "zod";

/** Ids, names and codes in a journal: a chunk's id holds its scene's name, escaped. */
export const RecordName = z.string().max(1_024);
/** Paths and messages in a journal: Windows has paths of 32,767 characters. */
export const RecordText = z.string().max(65_536);
