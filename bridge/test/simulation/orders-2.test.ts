import { holdOrders } from "./hold-orders.ts";

holdOrders(1, 2);
