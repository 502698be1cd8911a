import { holdOrders } from "./hold-orders.ts";

holdOrders(0, 2);
