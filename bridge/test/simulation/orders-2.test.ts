import { checkOrders } from "./check-orders.ts";

checkOrders(1, 2);
